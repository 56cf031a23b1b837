"""What a server shares among its visitors: limits, turns, heavy imports, links as QR codes."""
