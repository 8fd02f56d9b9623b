"""Work that goes on after its request was answered: the runner of imports and jobs, and what jobs do."""
