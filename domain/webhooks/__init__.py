"""What a webhook is: where it may go, how it is signed, when it is tried again. Pure."""
