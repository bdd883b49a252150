"""Datasets that a cabinet may lack: inventory, discounts, promo codes, price shades, barcodes."""
