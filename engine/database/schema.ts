/**
 * One entry a version of the schema, applied in order, each in a transaction; never edited after a release.
 * The database owns names and records; each store owns the bytes under its own directory.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE images (
    id TEXT PRIMARY KEY,               -- imageID: digest of the image config blob
    manifest_digest TEXT,              -- as loaded, null for an import
    created_at TEXT NOT NULL,
    architecture TEXT NOT NULL,
    os TEXT NOT NULL,
    added_at TEXT NOT NULL
  ) STRICT;
  CREATE TABLE image_layers (
    image_id TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE,
    position INTEGER NOT NULL,         -- 0 is the lowest
    diff_id TEXT NOT NULL,
    blob_digest TEXT,                  -- the layer's tar as it came, null where none is kept
    PRIMARY KEY (image_id, position)
  ) STRICT;
  CREATE INDEX image_layers_by_diff_id ON image_layers(diff_id);
  CREATE TABLE image_references (
    reference TEXT PRIMARY KEY,        -- normalized: registry/repository:tag
    image_id TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE
  ) STRICT;

  CREATE TABLE containers (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    image_id TEXT NOT NULL REFERENCES images(id),
    created_at TEXT NOT NULL,
    request TEXT NOT NULL,             -- JSON: what was asked for and what it was resolved to
    state TEXT NOT NULL                -- JSON: status, pid, exit code, times
  ) STRICT;
  CREATE INDEX containers_by_image ON containers(image_id);

  CREATE TABLE endpoints (
    container_id TEXT PRIMARY KEY REFERENCES containers(id) ON DELETE CASCADE,
    network TEXT NOT NULL,
    ip_address TEXT,
    detail TEXT NOT NULL,              -- JSON: mac, interface, netns
    UNIQUE (network, ip_address)       -- no address is leased twice
  ) STRICT;
  CREATE TABLE published_ports (
    protocol TEXT NOT NULL,
    host_address TEXT NOT NULL,
    host_port INTEGER NOT NULL,
    container_id TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE,
    container_port INTEGER NOT NULL,
    PRIMARY KEY (protocol, host_address, host_port)
  ) STRICT;

  CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  `,
  `
  -- By which digests repositories know an image: of a manifest, or of an index that it came by for its platform.
  CREATE TABLE image_digests (
    repository TEXT NOT NULL,          -- normalized: registry/repository
    digest TEXT NOT NULL,
    image_id TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE,
    PRIMARY KEY (repository, digest, image_id)
  ) STRICT;
  CREATE INDEX image_digests_by_image ON image_digests(image_id);

  -- Hold on bytes that no record names yet, beyond the end of the engine: what an interrupted pull has got already.
  CREATE TABLE leases (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,                -- pull
    title TEXT NOT NULL,               -- what the work is about: taken over by the same work when it is tried again
    created_at TEXT NOT NULL,
    expires_at TEXT                    -- null while its work is under way
  ) STRICT;
  CREATE TABLE lease_blobs (
    lease_id TEXT NOT NULL REFERENCES leases(id) ON DELETE CASCADE,
    digest TEXT NOT NULL,              -- of a finished blob or of an unfinished one in the ingest directory
    PRIMARY KEY (lease_id, digest)
  ) STRICT;
  CREATE TABLE lease_layers (
    lease_id TEXT NOT NULL REFERENCES leases(id) ON DELETE CASCADE,
    chain TEXT NOT NULL,               -- JSON: diffIDs of a whole stack, lowest first
    PRIMARY KEY (lease_id, chain)
  ) STRICT;
  `,
  `
  CREATE TABLE networks (
    id TEXT PRIMARY KEY,               -- 64 hex digits
    name TEXT NOT NULL UNIQUE,
    driver TEXT NOT NULL,
    created_at TEXT NOT NULL,
    detail TEXT NOT NULL               -- JSON: subnets, options, labels, what was asked for
  ) STRICT;

  -- The network namespace of a container that runs.
  CREATE TABLE sandboxes (
    container_id TEXT PRIMARY KEY REFERENCES containers(id) ON DELETE CASCADE,
    token TEXT,                        -- end of the name of its netns; null: the host's own, or another container's
    detail TEXT NOT NULL               -- JSON: mode, names, ports as published, in order
  ) STRICT;
  CREATE TABLE network_endpoints (
    container_id TEXT NOT NULL REFERENCES sandboxes(container_id) ON DELETE CASCADE,
    network_id TEXT NOT NULL REFERENCES networks(id),
    ipv4_address TEXT,
    ipv6_address TEXT,
    detail TEXT NOT NULL,              -- JSON: place in order, mac, interfaces, what was asked for
    PRIMARY KEY (container_id, network_id),
    UNIQUE (network_id, ipv4_address), -- no address is leased twice
    UNIQUE (network_id, ipv6_address)
  ) STRICT;
  CREATE INDEX network_endpoints_by_network ON network_endpoints(network_id);

  -- Containers that run keep their place on the one bridge there was. Its subnet is filled in from the settings when the engine opens.
  INSERT INTO networks SELECT lower(hex(randomblob(32))), 'bridge', 'bridge', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'),
    json_object('subnets', json('[]'), 'internal', json('false'), 'enableIPv6', json('false'), 'labels', json('{}'), 'options', json('{}'));
  INSERT INTO sandboxes SELECT container_id, json_extract(detail, '$.token'), json_object(
      'mode', CASE network WHEN 'bridge' THEN 'networks' ELSE network END,
      'name', (SELECT name FROM containers WHERE id = container_id), 'hostname', '', 'dns', json('[]'),
      'ports', json(json_extract(detail, '$.ports')))
    FROM endpoints;
  INSERT INTO network_endpoints SELECT container_id, (SELECT id FROM networks WHERE name = 'bridge'), ip_address, NULL, json_object(
      'endpointID', lower(hex(randomblob(32))), 'position', 0, 'link', json_extract(detail, '$.token'), 'interface', 'eth0',
      'mac', NULL, 'settings', json_object('aliases', json('[]')))
    FROM endpoints WHERE network = 'bridge';
  DROP TABLE endpoints;
  `,
  `
  CREATE TABLE volumes (
    name TEXT PRIMARY KEY,
    driver TEXT NOT NULL,
    created_at TEXT NOT NULL,
    anonymous INTEGER NOT NULL,        -- 1: made without a name, goes with its container
    status TEXT NOT NULL,              -- making, ready, removing
    detail TEXT NOT NULL               -- JSON: options, labels
  ) STRICT;
  CREATE TABLE volume_uses (
    container_id TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE,
    volume TEXT NOT NULL REFERENCES volumes(name),
    by_name INTEGER NOT NULL,          -- 1: asked for by its name, so that rm -v leaves it
    made INTEGER NOT NULL,             -- 1: came with the container: goes with it where its making is cut off
    unfilled INTEGER NOT NULL,         -- 1: what the image has at the target may still have to be copied into it
    going INTEGER NOT NULL,            -- 1: the container is being removed with its volumes
    PRIMARY KEY (container_id, volume)
  ) STRICT;
  CREATE INDEX volume_uses_by_volume ON volume_uses(volume);
  `,
  `
  -- What steps of builds have made, by what they depend on. Nothing stands on it: it can all be made again.
  CREATE TABLE build_cache (
    key TEXT PRIMARY KEY,              -- digest of all that the step depends on
    chain TEXT NOT NULL,               -- JSON: diffIDs, lowest first
    size INTEGER NOT NULL,             -- of the layer that it made
    description TEXT NOT NULL,
    created_at TEXT NOT NULL,          -- what images say of the step
    added_at TEXT NOT NULL,
    last_used_at TEXT NOT NULL,
    usage_count INTEGER NOT NULL
  ) STRICT;
  `,
  `
  -- What is said about an image that was made here: it goes with it wherever it is pushed or saved.
  CREATE TABLE image_attestations (
    image_id TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE,
    predicate_type TEXT NOT NULL,      -- https://slsa.dev/provenance/v0.2, https://spdx.dev/Document
    digest TEXT NOT NULL,              -- of the blob that holds the predicate, JSON
    PRIMARY KEY (image_id, predicate_type)
  ) STRICT;
  `,
];
