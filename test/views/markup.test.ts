import { expect, it } from 'vitest';
import { prose } from '#src/views/markup.js';

it('numbers stay on one line, and text stays text', () => {
  const number = (text: string) => `<span class="number">${text}</span>`;
  expect(prose('from 4e-6 to -1.5e-12 & <more>').text).toBe(`from ${number('4e-6')} to ${number('-1.5e-12')} &amp; &lt;more&gt;`);
  expect(prose('dense-2 by 0.004, 1e5, the-2').text).toBe('dense-2 by 0.004, 1e5, the-2');
});
