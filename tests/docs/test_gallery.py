"""The gallery: what parallel readers share."""

from __future__ import annotations

import sqlite3
from multiprocessing import get_context

import gallery  # noqa: F401  tells the cache to let one reader in at a time
import nbformat
import pytest
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.cache.db import NbCacheRecord, session_context


def add(folder, reader, count):
    cache = get_cache(folder)
    for number in range(count):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(f"{reader}, {number}")])
        cache.cache_notebook_bundle(CacheBundleIn(notebook, f"{reader}.py"), check_validity=False, overwrite=True)


def test_nobody_writes_between_two_queries_of_a_reader(tmp_path):
    cache = get_cache(tmp_path)
    with session_context(cache.db) as session, sqlite3.connect(tmp_path / "global.db", timeout=0) as other:
        assert session.query(NbCacheRecord).all() == []
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
    other.execute("BEGIN IMMEDIATE")
    other.close()


def test_a_reader_keeps_what_another_added(tmp_path):
    get_cache(tmp_path).list_cache_records()
    context = get_context("spawn")
    readers = [context.Process(target=add, args=(tmp_path, name, 20)) for name in "ab"]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert [reader.exitcode for reader in readers] == [0, 0]
    assert len(get_cache(tmp_path).list_cache_records()) == 40
