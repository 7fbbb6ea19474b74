/** Classes and functions that code needs, by the word that shows it; each after those that it needs itself. */
const helpers: readonly { readonly word: string; readonly lines: readonly string[] }[] = [
  {
    word: 'drawn(',
    lines: [
      'def drawn(layer, draw, bias=0.0, **options):',
      '    draw(layer.weight, **options)',
      '    if getattr(layer, "bias", None) is not None: nn.init.constant_(layer.bias, bias)',
      '    return layer',
    ],
  },
  {
    word: 'Steps(',
    lines: [
      'class Steps(nn.Module):',
      '    def __init__(self, layer, last, kernel=None, recurrent=None, forget=0.0, merge=lambda *ways: torch.cat(ways, -1), state=False):',
      '        super().__init__()',
      '        self.layer, self.last, self.merge, self.state = layer, last, merge, state',
      '        for name, array in layer.named_parameters():',
      '            draw = kernel if "weight_ih" in name else recurrent if "weight_hh" in name else nn.init.zeros_',
      '            if draw is not None: draw(array)',
      '            # gates are in the order input, forget, cell, output',
      '            if forget and "bias_ih" in name: nn.init.constant_(array[layer.hidden_size : 2 * layer.hidden_size], forget)',
      '            # one bias; PyTorch has two and adds them',
      '            if "bias_hh" in name and not isinstance(layer, nn.GRU): array.requires_grad_(False)',
      '    def forward(self, x, *start):',
      '        size = 2 if isinstance(self.layer, nn.LSTM) else 1',
      '        parts = tuple(torch.stack(start[i::size]) for i in range(size)) if start else None',
      '        steps, state = self.layer(x, parts if parts is None or size == 2 else parts[0])',
      '        ways = steps.split(self.layer.hidden_size, -1)',
      '        # the backward direction ends at the first step',
      '        if self.last: ways = [way[:, -i] for way, i in zip(ways, (1, 0))]',
      '        outputs = self.merge(*ways)',
      '        if not self.state: return outputs',
      '        states = torch.stack(state if size == 2 else (state,), 1).flatten(0, 1)',
      '        return (*(outputs if isinstance(outputs, tuple) else (outputs,)), *states)',
    ],
  },
  {
    word: 'Attention(',
    lines: [
      'class Attention(nn.Module):',
      '    def __init__(self, heads, query, key, value, output, dropout=0.0, causal=False):',
      '        super().__init__()',
      '        self.heads, self.dropout, self.causal = heads, dropout, causal',
      '        self.query, self.key, self.value, self.output = query, key, value, output',
      '    def forward(self, query, value=None, key=None):',
      '        value = query if value is None else value',
      '        key = value if key is None else key',
      '        q, k, v = (x.unflatten(-1, (self.heads, -1)).transpose(1, 2) for x in (self.query(query), self.key(key), self.value(value)))',
      '        dropout = self.dropout if self.training else 0.0',
      '        heads = nn.functional.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=self.causal)',
      '        return self.output(heads.transpose(1, 2).flatten(2))',
    ],
  },
  {
    word: 'EachStep(',
    lines: [
      'class EachStep(nn.Module):',
      '    def __init__(self, layer): super().__init__(); self.layer = layer',
      '    def forward(self, x): return self.layer(x.flatten(0, 1)).unflatten(0, x.shape[:2])',
    ],
  },
  {
    word: 'ChannelsLast(',
    lines: [
      'class ChannelsLast(nn.Module):',
      '    def __init__(self, layer): super().__init__(); self.layer = layer',
      '    def forward(self, x): return self.layer(x.movedim(-1, 1)).movedim(1, -1)',
    ],
  },
  {
    word: 'Standardize(',
    lines: [
      'class Standardize(nn.Module):',
      '    def __init__(self, dims, x=None):',
      '        super().__init__()',
      '        self.dims, self.mean, self.std = dims, None, None',
      '        if x is not None: self.adapt(x.to(torch.get_default_dtype()))',
      '    def adapt(self, x):',
      '        std = x.std(self.dims, correction=0, keepdim=True)',
      '        del self.mean, self.std',
      '        self.register_buffer("mean", x.mean(self.dims, keepdim=True)); self.register_buffer("std", torch.where(std > 0, std, 1.0))',
      '    def forward(self, x):',
      '        if self.mean is None: self.adapt(x.detach().to(torch.get_default_dtype()))',
      '        return (x.to(torch.get_default_dtype()) - self.mean) / self.std',
    ],
  },
  {
    word: 'Rescale(',
    lines: [
      'class Rescale(nn.Module):',
      '    def __init__(self, scale, offset):',
      '        super().__init__()',
      '        for name, numbers in (("scale", scale), ("offset", offset)): self.register_buffer(name, torch.tensor(numbers, dtype=torch.get_default_dtype()))',
      '    def forward(self, x): return x.to(torch.get_default_dtype()) * self.scale + self.offset',
    ],
  },
  {
    word: 'Apply(',
    lines: [
      'class Apply(nn.Module):',
      '    def __init__(self, function): super().__init__(); self.function = function',
      '    def forward(self, x): return self.function(x)',
    ],
  },
  {
    word: 'decaying(',
    lines: [
      'def decaying(share):',
      '    @torch.no_grad()',
      '    def decay(optimizer, *_):',
      '        for group in optimizer.param_groups:',
      '            for w in group["params"]:',
      '                if w.grad is not None: w.mul_(1 - group["lr"] * share)',
      '    return decay',
    ],
  },
  {
    word: 'half_cosine(',
    lines: ['import math', 'def half_cosine(share): return (1 + math.cos(math.pi * min(share, 1))) / 2'],
  },
  {
    word: 'restarting(',
    lines: [
      'def restarting(share, longer, higher):',
      '    length, height = 1, 1',
      '    while share >= length: share, length, height = share - length, length * longer, height * higher',
      '    return height * half_cosine(share / length)',
    ],
  },
  {
    word: 'EachArray',
    lines: [
      'class EachArray(torch.optim.Optimizer):',
      '    def __init__(self, arrays, weight_decay=0.0, **options): super().__init__(arrays, dict(options, weight_decay=weight_decay))',
      '    @torch.no_grad()',
      '    def step(self):',
      '        for group in self.param_groups:',
      '            for w in group["params"]:',
      '                if w.grad is None: continue',
      '                w.mul_(1 - group["lr"] * group["weight_decay"])',
      '                self.update(w, w.grad, self.state[w], **group)',
    ],
  },
  {
    word: 'Lion(',
    lines: [
      'class Lion(EachArray):',
      '    def update(self, w, g, state, lr, beta1, beta2, **_):',
      '        m = state.setdefault("m", torch.zeros_like(w))',
      '        w.sub_(lr * torch.sign(beta1 * m + (1 - beta1) * g))',
      '        m.mul_(beta2).add_((1 - beta2) * g)',
    ],
  },
  {
    word: 'Lamb(',
    lines: [
      'class Lamb(EachArray):',
      '    def update(self, w, g, state, lr, beta1, beta2, eps, **_):',
      '        step = state["step"] = state.get("step", 0) + 1',
      '        m, v = (state.setdefault(name, torch.zeros_like(w)) for name in "mv")',
      '        m.mul_(beta1).add_((1 - beta1) * g)',
      '        v.mul_(beta2).add_((1 - beta2) * g * g)',
      '        change = m / (1 - beta1**step) / ((v / (1 - beta2**step)).sqrt() + eps)',
      '        length, reach = w.norm(), change.norm()',
      '        w.sub_(lr * (length / reach if length > 0 and reach > 0 else 1) * change)',
    ],
  },
  {
    word: 'Ftrl(',
    lines: [
      'class Ftrl(EachArray):',
      '    def update(self, w, g, state, lr, power, start, l1, l2, shrinkage, beta, **_):',
      '        squares = state.setdefault("squares", torch.full_like(w, start))',
      '        linear = state.setdefault("linear", torch.zeros_like(w))',
      '        before = squares**-power',
      '        now = squares.add_(g * g) ** -power',
      '        linear.add_(g + 2 * shrinkage * w - (now - before) / lr * w)',
      '        w.copy_((linear.clamp(-l1, l1) - linear) / ((now + beta) / lr + 2 * l2))',
    ],
  },
];

/** Lines of what code needs, and of what that needs, before it. */
export function helpersOf(code: readonly string[]): readonly string[] {
  let lines: readonly string[] = [];
  for (const helper of [...helpers].reverse()) {
    if ([...lines, ...code].some((line) => line.includes(helper.word))) lines = [...helper.lines, ...lines];
  }
  return lines;
}
