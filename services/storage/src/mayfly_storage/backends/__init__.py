"""The stores: each folder keeps rows and bytes in its own way, behind the ports of the domain."""
