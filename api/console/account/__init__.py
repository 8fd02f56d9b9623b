"""The console's pages about the account: attributes, keys, people, sign-in, health."""
