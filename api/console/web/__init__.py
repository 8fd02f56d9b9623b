"""What all pages of the console share: rendering, sessions, forms, paging, protection from other sites."""
