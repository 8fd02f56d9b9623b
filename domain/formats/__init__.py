"""What other people's software sends, as customer changes: names, messages and events that Rollcall did not choose.

Pure, so that every door may use it: the API and the consumers, which do not know each other.
"""
