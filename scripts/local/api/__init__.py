"""The API: the routes of the template, answered by their functions."""
