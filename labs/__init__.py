"""The place of courses and hands-on labs among the layers. Nothing of them is built yet."""
