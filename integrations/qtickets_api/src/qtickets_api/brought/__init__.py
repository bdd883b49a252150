"""What people bring as files: sheets, the plan of sales, spellings of cities."""
