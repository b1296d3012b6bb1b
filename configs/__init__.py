"""The configuration: its schema, its loader, and the scene packs that ship with the product.

`base` and `sources` and `schema` say what may be written; `loader` reads a folder and
reports every fault at once. Nothing here touches the network.
"""
