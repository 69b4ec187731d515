"""What is written: the HTML of a page, the files that it asks for, and what search engines and machines read of it."""
