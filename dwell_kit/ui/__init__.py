"""What people see: components, pages and their state, the same in every door."""
