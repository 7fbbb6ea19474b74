/** Lines of the classes and functions that modules need, by the word that shows it. */
export const helpers: readonly { readonly word: string; readonly lines: readonly string[] }[] = [
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
      '            # gates stand in the order input, forget, cell, output',
      '            if forget and "bias_ih" in name: nn.init.constant_(array[layer.hidden_size : 2 * layer.hidden_size], forget)',
      '            # one bias, where PyTorch has two that are added',
      '            if "bias_hh" in name and not isinstance(layer, nn.GRU): array.requires_grad_(False)',
      '    def forward(self, x, *start):',
      '        size = 2 if isinstance(self.layer, nn.LSTM) else 1',
      '        parts = tuple(torch.stack(start[i::size]) for i in range(size)) if start else None',
      '        steps, state = self.layer(x, parts if parts is None or size == 2 else parts[0])',
      '        ways = steps.split(self.layer.hidden_size, -1)',
      '        # what walks backwards ends at the first step',
      '        if self.last: ways = [way[:, -i] for way, i in zip(ways, (1, 0))]',
      '        outputs = self.merge(*ways)',
      '        if not self.state: return outputs',
      '        states = torch.stack(state if size == 2 else (state,), 1).flatten(0, 1)',
      '        return (*(outputs if isinstance(outputs, tuple) else (outputs,)), *states)',
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
      '    def __init__(self, scale, offset): super().__init__(); self.scale, self.offset = scale, offset',
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
];
