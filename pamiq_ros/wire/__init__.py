"""How tensors become bytes and messages and back: the only room that knows bytes.

`payload` is the envelope (safetensors with a metadata map), `experience` and `weights` are what
travels in it, `images` turns camera messages into arrays and arrays into messages.
"""
