import type { Kysely, Migration } from 'kysely';

/** Which servers have an interface in a network, or with an address, is told by indexes alone. */
export const coveringIndexes: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    const { schema } = db;
    await schema
      .createIndex('ports_of_network')
      .on('ports')
      .columns(['network_id', 'device_owner', 'device_id'])
      .execute();
    await schema.dropIndex('ports_network_id_index').execute();
    await schema
      .createIndex('port_addresses_of_port')
      .on('port_addresses')
      .columns(['port_id', 'ip_address'])
      .execute();
    await schema.dropIndex('port_addresses_port_id_index').execute();
  },
};
