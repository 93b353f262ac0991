CREATE TABLE ${run.prefix}.customers (
  id int,
  name text DEFAULT '${nmae}'
);
