import type { PartnerAnswer, PartnerRequest, PartnerRule } from './partner-rule.js';

/** A rule with what it has to remember: since when it stands, whom it has struck, and its bucket. */
type StandingRule = {
  rule: PartnerRule;
  name: string;
  sinceMs: number;
  struck: number;
  struckByKey: Map<string, number>;
  tokens: number;
  filledMs: number;
};

/** Keys that `firstPerKey` remembers; past it the oldest are forgotten and struck again. */
const KEYS_MAX = 500_000;

/**
 * The rules of one partner and their memory. `answer` is called once a request, in the order of arrival; its only inputs besides
 * the request are the rules, their counters and the seeded `random`, so a seed and an order of requests give the same answers.
 */
export class PartnerScript {
  private rules: StandingRule[] = [];

  constructor(private readonly random: () => number) {}

  list(): readonly PartnerRule[] {
    return this.rules.map(({ rule }) => rule);
  }

  replace(rules: readonly PartnerRule[], nowMs: number): void {
    this.rules = [];
    for (const rule of rules) this.add(rule, nowMs);
  }

  add(rule: PartnerRule, nowMs: number): void {
    const name = rule.name ?? `rule[${this.rules.length}]`;
    this.rules.push({ rule, name, sinceMs: nowMs, struck: 0, struckByKey: new Map(), tokens: rule.rateLimit?.burst ?? 0, filledMs: nowMs });
  }

  answer(request: PartnerRequest): PartnerAnswer {
    const answer = plainAnswer();
    for (const standing of this.rules) {
      if (!speaksOf(standing.rule, request) || !this.strikes(standing, request)) continue;
      if (this.apply(standing, request, answer)) {
        answer.rule = standing.name;
        break;
      }
    }
    return answer;
  }

  private strikes(standing: StandingRule, { key, nowMs }: PartnerRequest): boolean {
    const { rule } = standing;
    if (rule.window && !inWindow(rule.window, nowMs - standing.sinceMs)) return false;
    if (rule.first !== undefined && standing.struck >= rule.first) return false;
    const ofKey = rule.firstPerKey === undefined ? 0 : (standing.struckByKey.get(key ?? '') ?? 0);
    if (rule.firstPerKey !== undefined && ofKey >= rule.firstPerKey) return false;
    if (rule.share !== undefined && this.random() >= rule.share) return false;
    standing.struck += 1;
    if (rule.firstPerKey !== undefined) remember(standing.struckByKey, key ?? '', ofKey + 1);
    return true;
  }

  /** Adds what the rule says to the answer; true when the rule answers and the search ends. */
  private apply(standing: StandingRule, { bearer, nowMs }: PartnerRequest, answer: PartnerAnswer): boolean {
    const { rule } = standing;
    if (rule.tokens && !(bearer !== null && rule.tokens.includes(bearer))) {
      refuse(answer, 401, { 'www-authenticate': 'Bearer error="invalid_token"' });
      return true;
    }
    if (rule.rateLimit) {
      const waitS = drawToken(standing, rule.rateLimit, nowMs);
      if (waitS > 0) {
        refuse(answer, 429, { 'retry-after': String(Math.ceil(waitS)) });
        return true;
      }
    }
    if (rule.latencyMs !== undefined && answer.latencyMs === 0) {
      answer.latencyMs =
        typeof rule.latencyMs === 'number'
          ? rule.latencyMs
          : rule.latencyMs.min + this.random() * (rule.latencyMs.max - rule.latencyMs.min);
      answer.commitFirst = rule.commitFirst ?? false;
    }
    answer.drip ??= rule.drip ?? null;
    answer.bodyBytes ??= rule.bodyBytes ?? null;
    if (rule.bulk) answer.bulk = { itemShare: rule.bulk.itemShare ?? 0, refuse: rule.bulk.refuse ?? [], atomic: rule.bulk.atomic ?? false };
    if (rule.status === undefined && rule.fault === undefined) return false;
    answer.status = rule.status ?? 200;
    answer.fault = rule.fault ?? null;
    answer.commit = rule.commit ?? commitsByDefault(answer);
    answer.body = rule.body ?? null;
    answer.headers = { ...rule.headers, ...(rule.retryAfterS === undefined ? {} : { 'retry-after': String(rule.retryAfterS) }) };
    return true;
  }
}

const plainAnswer = (): PartnerAnswer => ({
  status: 200,
  commit: true,
  fault: null,
  latencyMs: 0,
  commitFirst: false,
  headers: {},
  body: null,
  bodyBytes: null,
  drip: null,
  bulk: null,
  rule: null,
});

const refuse = (answer: PartnerAnswer, status: number, headers: Record<string, string>): void => {
  answer.status = status;
  answer.commit = false;
  answer.headers = headers;
};

const commitsByDefault = ({ fault, status }: PartnerAnswer): boolean =>
  fault === 'hang-before-commit' || fault === 'reset-before-commit' ? false : fault !== null || status < 400;

const STORING = ['POST', 'PUT', 'PATCH', 'DELETE'];

const speaksOf = (rule: PartnerRule, { method, path }: PartnerRequest): boolean =>
  (rule.path === undefined || path.startsWith(rule.path)) && (rule.methods ?? STORING).includes(method);

function inWindow({ fromMs, untilMs, everyMs }: NonNullable<PartnerRule['window']>, ageMs: number): boolean {
  const at = everyMs === undefined ? ageMs : ageMs % everyMs;
  return at >= fromMs && at < untilMs;
}

function remember(map: Map<string, number>, key: string, count: number): void {
  map.set(key, count);
  if (map.size > KEYS_MAX) map.delete(map.keys().next().value!);
}

/** Takes one token; 0 when there was one, otherwise the seconds until there is. */
function drawToken(standing: StandingRule, { perSecond, burst }: NonNullable<PartnerRule['rateLimit']>, nowMs: number): number {
  standing.tokens = Math.min(burst, standing.tokens + ((nowMs - standing.filledMs) / 1_000) * perSecond);
  standing.filledMs = nowMs;
  if (standing.tokens < 1) return (1 - standing.tokens) / perSecond;
  standing.tokens -= 1;
  return 0;
}
