/**
 * How long ends that do not answer are tried, from the first attempt on, unless the permission ends before. Waiting for a turn costs none of it, and
 * after a pause it begins anew. What is proposed to an organisation is decided by people: they have as long as the permission lasts.
 */
export const PATIENCE_HOURS = 72;
