"""The endpoints of buyers and sellers."""
