"""Tests of reading uploaded files: mappings, text files, workbooks, hostile ones."""
