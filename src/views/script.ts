import { geometry } from './by-layer.js';

/** Draws the step that the slider stands at, and marks the layer that a link led to. The page says the same without it, for the first and the last step. */
export const script = `
(() => {
  const data = JSON.parse(document.getElementById('chosen-steps').textContent);
  const figures = [...document.querySelectorAll('.by-layer')].map((element) => ({
    element,
    xs: element.dataset.xs.split(' ').map(Number),
    chart: data.charts[element.dataset.chart],
  }));
  const input = document.getElementById('step');
  const show = () => {
    const at = Number(input.value);
    const text = 'step ' + data.steps[at];
    document.getElementById('step-shown').textContent = text;
    input.setAttribute('aria-valuetext', text);
    for (const { element, xs, chart } of figures) {
      const { low, high, rows } = chart;
      let d = '';
      let open = false;
      rows[at].forEach((value, i) => {
        if (value === null) { open = false; return; }
        const share = Math.min(1, Math.max(0, (value / 100 - low) / (high - low)));
        d += (open ? 'L' : 'M') + xs[i] + ' ' + (${geometry.top} + (1 - share) * ${geometry.height}).toFixed(1) + (open ? '' : 'h0');
        open = true;
      });
      element.querySelector('.chosen').setAttribute('d', d);
    }
  };
  const guide = () => {
    const name = document.getElementById(location.hash.slice(1))?.dataset.name;
    for (const { element, xs, chart } of figures) {
      const at = name === undefined ? -1 : data.names[element.dataset.chart].indexOf(name);
      element.querySelector('.guide').setAttribute('d', at < 0 ? '' : 'M' + xs[at] + ' ${geometry.top}v${geometry.height}');
    }
  };
  document.documentElement.classList.add('live');
  if (input) {
    input.addEventListener('input', show);
    show();
  }
  addEventListener('hashchange', guide);
  guide();
})();
`;
