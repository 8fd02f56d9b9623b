"""How everything under `projections` reaches PostgreSQL."""
