"""The filter builder: form rows, stored filters, and the words between them."""
