-- A file whose first row is a customer already: what its columns hold was said by a person or a program.

ALTER TABLE rollcall.imports ADD COLUMN has_header boolean NOT NULL DEFAULT true;
