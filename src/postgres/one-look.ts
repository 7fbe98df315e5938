import pg from "pg";

const PATIENCE_MILLISECONDS = 5_000;

/** A connection of its own for one look, which waits for nothing long. @throws what `pg` throws where nobody answers. */
export async function oneLook<T>(url: string, look: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: PATIENCE_MILLISECONDS,
    query_timeout: PATIENCE_MILLISECONDS,
  });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await look(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
