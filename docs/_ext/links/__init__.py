"""Links: from names in code to their entries, from annotations to what they say, from entries to their source."""
