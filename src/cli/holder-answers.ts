/** Answers of the API about a holder's side, as its commands read them. */
export interface Reasons {
  fr: string;
  en: string;
}

export interface Affected {
  platform: string;
  name: string;
  datasets: string[];
  reasons: string[];
}

export interface Effect {
  dry_run: boolean;
  paused: number;
  resumed: number;
  version: string;
  shut_out?: Affected[];
  let_in?: Affected[];
}

export interface Said {
  conditions: {
    dataset: string;
    minimum_level: number;
    regions: string[];
    certificates: string[];
    reason: Reasons | null;
    log_index: number;
  }[];
  exclusions: { platform: string; dataset: string; reason: Reasons; log_index: number }[];
  access: { platform: string; state: string; reason: Reasons | null; log_index: number }[];
}

export interface Row {
  platform: string;
  name: string;
  standing: string;
  level: number | null;
  country: string;
  state: string;
  reason: Reasons | null;
  test_accounts: number;
  exclusions: { dataset: string; reason: Reasons }[];
  certificates: { certificate: string; valid_until: string }[];
  refused: { dataset: string; reasons: string[] }[];
  charter?: string | null;
  criteria?: { criterion: string; outcome: string }[];
  evidence?: { kind: string; issuer: string; date: string }[];
}

export interface Matrix {
  version: string;
  platforms: Row[];
  next: string | null;
}

export interface Review {
  id: string;
  platform: string;
  date: string;
  questions: string[];
  decision: string;
  conditions: string[];
  by: string;
}

export interface Meeting {
  id: string;
  holder_name: string;
  platform_name: string;
  message: string;
  asked_at: string;
  answered_at: string | null;
  state: string | null;
  reason: Reasons | null;
}

export interface Restriction {
  holder_name: string;
  platform: string;
  platform_name: string;
  kind: string;
  dataset: string;
  reason: Reasons;
  changed_at: string;
  log_index: number;
}

export interface Claim {
  id: string;
  platform_name: string;
  certificate: string;
  issuer: string;
  valid_until: string;
  state: string;
  readings: number;
  reasons: Reasons | null;
}
