"""Video and recorded detections in, tracks on the floor out; nothing is written here."""
