# SPDX-License-Identifier: Apache-2.0
"""The entries of the schema (adabin.utils.schema), a file per heading of config/base.yaml and of `-h`."""
