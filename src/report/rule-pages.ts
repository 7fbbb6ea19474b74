import { LEARNED, LEARNED_IN_ALL, SUFFERED } from '../doctor/examination.js';
import { CLEAR, percent, type Rule } from '../doctor/rule.js';
import { rules } from '../doctor/rules/index.js';

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;

function pageOf({ id, title, looksFor, threshold, why, remedies, bearable, leadsTo = [] }: Rule): string {
  return [
    `# ${title}`,
    '',
    `\`${id}\``,
    '',
    '## What it looks for',
    '',
    sentence(looksFor),
    '',
    '## Threshold',
    '',
    sentence(threshold),
    ...(bearable
      ? [
          '',
          `Where the network was seen to learn all the same (its loss is below ${percent(LEARNED)} of that of chance, below ${percent(LEARNED_IN_ALL)} once the training is over, or other rows are then answered nearly as well as by their neighbours), what would be ill is told as a risk. Where a whole training leaves more than ${percent(SUFFERED)} of that of chance, a clear risk, from ${CLEAR} times the limit on, is ill.`,
        ]
      : []),
    ...(leadsTo.length > 0
      ? [
          '',
          `A clear risk, from ${CLEAR} times the limit on, is ill where what it leads to is: ${leadsTo.map((id) => `[${id}](${id}.md)`).join(', ')}.`,
        ]
      : []),
    '',
    '## Why it hurts',
    '',
    sentence(why),
    '',
    '## What may answer it',
    '',
    ...remedies.map(
      ({ what, cost }) =>
        `- ${sentence(what).replace(/\.$/, '')} (changes ${cost === 'training' ? 'the training' : cost === 'architecture' ? 'the architecture' : `the ${cost}`})`,
    ),
    '',
    '## Silencing it',
    '',
    `\`--ignore ${id}\`, \`doctor.diagnose(trace, { ignore: ['${id}'] })\`, or a baseline file with the findings that are accepted: \`evenkeel check model.ts --json > accepted.json\`, then \`--baseline accepted.json\`.`,
    '',
  ].join('\n');
}

/** A page of Markdown for every rule, and one that lists them, by file name. */
export function rulePages(): Map<string, string> {
  const list = [
    '# Rules',
    '',
    'Written by `npm run rules` from the rules themselves. `ill`: training suffers. `risk`: unwise, but it may train.',
    '',
    '| rule | what |',
    '| --- | --- |',
    ...rules.map(({ id, title }) => `| [${id}](${id}.md) | ${title} |`),
    '',
  ].join('\n');
  return new Map([['README.md', list], ...rules.map((rule): [string, string] => [`${rule.id}.md`, pageOf(rule)])]);
}
