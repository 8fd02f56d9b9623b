"""What SQL clients read: views of the read model, and logins that see one account by them."""
