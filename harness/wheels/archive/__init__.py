"""What a wheel is: its name, its archive, its metadata, its native code. Bytes in, values out."""
