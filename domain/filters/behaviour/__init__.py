"""What filters ask of behaviour: measures of what customers did, the windows they look at, and their amounts."""
