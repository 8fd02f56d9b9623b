"""What other people's software sends, as customer changes: names, messages and events that Rollcall did not choose.

Also which fields of a customer it is shown. Pure, so that every door may use it: the API and the consumers, which do
not know each other.
"""
