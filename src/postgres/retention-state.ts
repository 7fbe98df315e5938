import { RETAINED_KINDS, type RetainedKind } from "../core/operation/retention.ts";
import { oneLook } from "./one-look.ts";
import { SCHEMA } from "./pool.ts";

export interface RetentionState {
  /** How long ago nothing was left; where that never was, since when it should be looked at. */
  seconds: number;
  kind: RetainedKind;
  left: number;
}

/** Looks, and changes nothing; empty where the schema does not know it yet. @throws what `pg` throws where nobody answers. */
export async function readRetentionState(url: string): Promise<RetentionState[]> {
  return oneLook(url, async (client) => {
    const { rows: known } = await client.query(`select where to_regclass('${SCHEMA}.retention_rounds') is not null`);
    if (known.length === 0) return [];
    const { rows } = await client.query<RetentionState>(
      `select k.kind, coalesce(r.left_over, 0) as left, extract(epoch from clock_timestamp() - coalesce(r.done_at, r.began_at, m.ran_at))::float8 as seconds
       from unnest($1::text[]) as k (kind) left join ${SCHEMA}.retention_rounds r using (kind)
       cross join (select max(ran_at) as ran_at from ${SCHEMA}.migrations) m`,
      [RETAINED_KINDS],
    );
    return rows;
  });
}
