from setuptools import setup; setup()  # everything stands in setup.cfg; pip needs this one line to read it
