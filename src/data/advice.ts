/** Advice in messages that names an option of a call; the command line, which lacks these options, takes it out. */
export const onlyInCode = {
  asText: ', or read the column as text by the option columns',
  header: ', or header: true',
  categories: ', or raise maxCategories',
} as const;
