"""Work of any kind, in this process or on a Dask cluster: submit, progress, cancel, retry. Knows no verb."""
