/** The database's format, one step a row. Steps are never edited once released, only added. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE vms (
    id            TEXT PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    state         TEXT NOT NULL,
    spec          TEXT NOT NULL,
    engine        TEXT NOT NULL,
    image_digest  TEXT,
    image_config  TEXT,
    failure       TEXT,
    created_at    TEXT NOT NULL
  ) STRICT;
  CREATE INDEX vms_by_age ON vms (created_at);

  CREATE TABLE images (
    digest        TEXT PRIMARY KEY,
    config        TEXT NOT NULL,
    size_bytes    INTEGER NOT NULL,
    created_at    TEXT NOT NULL
  ) STRICT;

  CREATE TABLE image_references (
    reference     TEXT PRIMARY KEY,
    digest        TEXT NOT NULL REFERENCES images (digest),
    updated_at    TEXT NOT NULL
  ) STRICT;

  CREATE TABLE resources (
    id            INTEGER PRIMARY KEY,
    owner         TEXT NOT NULL,
    kind          TEXT NOT NULL,
    locator       TEXT NOT NULL,
    UNIQUE (kind, locator)
  ) STRICT;
  CREATE INDEX resources_by_owner ON resources (owner);

  CREATE TABLE leases (
    key           TEXT PRIMARY KEY,
    token         TEXT NOT NULL,
    holder        TEXT NOT NULL
  ) STRICT;
  `,
  `
  -- What a local source looked like when it was read; the same look means the same image.
  ALTER TABLE image_references ADD COLUMN stamp TEXT;
  `,
  `
  -- What the VM was started from, and the snapshot it goes on from.
  ALTER TABLE vms ADD COLUMN boot_files TEXT;
  ALTER TABLE vms ADD COLUMN snapshot_id TEXT;

  CREATE TABLE snapshots (
    id            TEXT PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    metadata      TEXT NOT NULL,
    manifest      TEXT NOT NULL,
    created_at    TEXT NOT NULL
  ) STRICT;
  `,
  `
  -- What happened; never changed, only pruned from the old end. A VM's stay when it is gone.
  CREATE TABLE events (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    at            TEXT NOT NULL,
    type          TEXT NOT NULL,
    vm_id         TEXT,
    vm_name       TEXT,
    details       TEXT NOT NULL
  ) STRICT;
  CREATE INDEX events_by_vm ON events (vm_id);
  `,
  `
  -- When a VM's time is over, by both clocks of the host; which limit paused it; and how it ended, kept when it is gone.
  ALTER TABLE vms ADD COLUMN deadline TEXT;
  ALTER TABLE vms ADD COLUMN paused_by TEXT;
  CREATE TABLE vm_ends (
    vm_id         TEXT PRIMARY KEY,
    vm_name       TEXT NOT NULL,
    at            TEXT NOT NULL,
    cause         TEXT NOT NULL,
    summary       TEXT NOT NULL,
    record        TEXT NOT NULL
  ) STRICT;
  CREATE INDEX vm_ends_by_time ON vm_ends (at);

  -- Where the storage was when it was opened last; what a copy says of processes is of those of the original.
  CREATE TABLE place (
    root          TEXT NOT NULL,
    inode         TEXT NOT NULL
  ) STRICT;
  `,
  `
  -- VMs that are kept ready, by what they have in common.
  CREATE TABLE pools (
    id            TEXT PRIMARY KEY,
    image         TEXT NOT NULL,
    vcpu          INTEGER NOT NULL,
    mem_mib       INTEGER NOT NULL,
    disk_size_mib INTEGER NOT NULL,
    size          INTEGER NOT NULL,
    hits          INTEGER NOT NULL DEFAULT 0,
    misses        INTEGER NOT NULL DEFAULT 0,
    refills       INTEGER NOT NULL DEFAULT 0,
    refill_ms     REAL NOT NULL DEFAULT 0,
    UNIQUE (image, vcpu, mem_mib, disk_size_mib)
  ) STRICT;

  CREATE TABLE pooled_vms (
    id            TEXT PRIMARY KEY,
    pool_id       TEXT NOT NULL,
    state         TEXT NOT NULL,
    engine        TEXT NOT NULL,
    image_digest  TEXT NOT NULL,
    golden_key    TEXT NOT NULL,
    boot_files    TEXT
  ) STRICT;
  `,
  `
  -- Network identities, made before VMs want them and kept for a while after; and what the host was changed for them.
  CREATE TABLE slots (
    idx           INTEGER PRIMARY KEY,
    state         TEXT NOT NULL,
    range         TEXT NOT NULL,
    ipv6          INTEGER NOT NULL,
    vm_id         TEXT UNIQUE,
    rules         TEXT NOT NULL,
    since         INTEGER NOT NULL,
    boot_id       TEXT NOT NULL
  ) STRICT;
  CREATE TABLE network_host (change TEXT NOT NULL) STRICT;
  `,
  `
  -- Interfaces of CNI networks, written down before plugins make them and until plugins have removed them.
  CREATE TABLE cni_attachments (
    vm_id         TEXT PRIMARY KEY,
    network       TEXT NOT NULL,
    config        TEXT NOT NULL,
    container_id  TEXT NOT NULL,
    netns         TEXT NOT NULL,
    ports         TEXT NOT NULL,
    addresses     TEXT NOT NULL
  ) STRICT;
  `,
];
