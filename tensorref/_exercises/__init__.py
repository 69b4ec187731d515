"""The exercises: a file of them for each concept and one for those that combine several, and what checks an answer."""
