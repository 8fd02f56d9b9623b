"""The console's pages about segments."""
