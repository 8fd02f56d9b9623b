"""Changes of customers, folded into a batch in memory; pure. Used by `domain.commands.customers`."""
