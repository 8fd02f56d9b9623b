"""Where the console is, for those who link to it without rendering it."""

CONSOLE_PATH = "/console"
