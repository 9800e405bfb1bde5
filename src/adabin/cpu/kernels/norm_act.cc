// SPDX-License-Identifier: Apache-2.0
#include "norm_act.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "lanes.h"
#include "parallel.h"

namespace adabin_cpu {
namespace {

constexpr int64_t kBlock = 1024;      // floats that are summed before the sum goes on in double precision
constexpr int64_t kMaxChunks = 32;    // parts of a batch with sums of their own
constexpr int64_t kMinChunk = 16384;  // floats

// Samples per chunk, from the shape alone.
int64_t ChunkSamples(const MapShape& shape) {
  const int64_t sample = std::max<int64_t>(1, shape.channels * shape.pixels);
  const int64_t least = (kMinChunk + sample - 1) / sample;
  return std::max(least, (shape.samples + kMaxChunks - 1) / kMaxChunks);
}

// In which order a batch is passed through: a second pass goes back, because the end of the first is still in the
// caches.
enum class Direction { kThere, kBack };

// body(chunk, c, offset of the map) for all maps; maps of one chunk run in order, on one thread.
template <Direction direction = Direction::kThere, typename Body>
void ForEachMap(const MapShape& shape, const Body& body) {
  const int64_t size = ChunkSamples(shape);
  const int64_t chunks = (shape.samples + size - 1) / size;
  ParallelFor(chunks, [&](int64_t task) {
    const int64_t chunk = direction == Direction::kBack ? chunks - 1 - task : task;
    const int64_t end = std::min(shape.samples, (chunk + 1) * size);
    for (int64_t n = chunk * size; n < end; ++n) {
      for (int64_t c = 0; c < shape.channels; ++c) {
        body(chunk, c, (n * shape.channels + c) * shape.pixels);
      }
    }
  });
}

// Sums per channel, kept apart by chunk until they are added in the order of the chunks.
class ChannelSums {
 public:
  ChannelSums(const MapShape& shape, int kinds)
      : channels_(shape.channels),
        kinds_(kinds),
        chunks_((shape.samples + ChunkSamples(shape) - 1) / ChunkSamples(shape)),
        sums_(chunks_ * channels_ * kinds) {}

  double* At(int64_t chunk, int64_t channel) { return &sums_[(chunk * channels_ + channel) * kinds_]; }

  double Total(int64_t channel, int kind) const {
    double total = 0;
    for (int64_t chunk = 0; chunk < chunks_; ++chunk) {
      total += sums_[(chunk * channels_ + channel) * kinds_ + kind];
    }
    return total;
  }

 private:
  int64_t channels_, kinds_, chunks_;
  std::vector<double> sums_;
};

// body(first, count): the floats of a map in groups of kLanes; count is less for the last group.
template <typename Body>
inline void ForEachGroup(int64_t begin, int64_t end, const Body& body) {
  int64_t i = begin;
  for (; i + kLanes <= end; i += kLanes) body(i, kLanes);
  if (i < end) body(i, end - i);
}

inline Lanes LoadGroup(const float* from, int64_t count) {
  return count == kLanes ? Load(from) : LoadSome(from, count);
}

inline void StoreGroup(float* to, Lanes lanes, int64_t count) {
  if (count == kLanes) {
    Store(to, lanes);
  } else {
    StoreSome(to, lanes, count);
  }
}

void BatchStatistics(const MapShape& shape, const NormActOptions& options, const NormActInputs& in,
                     const NormActOutputs& out) {
  ChannelSums sums(shape, 2);
  ForEachMap(shape, [&](int64_t chunk, int64_t c, int64_t offset) {
    // In double precision the difference of E[x^2] and E[x]^2 keeps what a float could show.
    HalfLanes sum[2] = {}, squares[2] = {};
    ForEachGroup(0, shape.pixels, [&](int64_t i, int64_t count) {
      HalfLanes low, high;
      Widen(LoadGroup(in.x + offset + i, count), &low, &high);
      sum[0] += low;
      sum[1] += high;
      squares[0] += low * low;
      squares[1] += high * high;
    });
    double* to = sums.At(chunk, c);
    to[0] += Sum(sum[0] + sum[1]);
    to[1] += Sum(squares[0] + squares[1]);
  });
  const double count = static_cast<double>(shape.samples * shape.pixels);
  for (int64_t c = 0; c < shape.channels; ++c) {
    const double mean = sums.Total(c, 0) / count;
    const double variance = std::max(0.0, sums.Total(c, 1) / count - mean * mean);
    const double unbiased = count > 1 ? variance * count / (count - 1) : variance;
    out.mean[c] = static_cast<float>(mean);
    out.rstd[c] = static_cast<float>(1 / std::sqrt(variance + options.epsilon));
    const float keep = 1 - options.momentum;
    out.moving_mean[c] = keep * in.moving_mean[c] + options.momentum * static_cast<float>(mean);
    out.moving_variance[c] = keep * in.moving_variance[c] + options.momentum * static_cast<float>(unbiased);
  }
}

void MovingStatistics(const MapShape& shape, const NormActOptions& options, const NormActInputs& in,
                      const NormActOutputs& out) {
  for (int64_t c = 0; c < shape.channels; ++c) {
    out.mean[c] = in.moving_mean[c];
    out.rstd[c] = 1 / std::sqrt(in.moving_variance[c] + options.epsilon);
    out.moving_mean[c] = in.moving_mean[c];
    out.moving_variance[c] = in.moving_variance[c];
  }
}

// The constants of a channel; v must come out the same in both passes, or signs near zero would differ.
struct Channel {
  Lanes mean, rstd, gamma, beta, pos, neg;

  Channel(const NormActInputs& in, const float* means, const float* rstds, int64_t c)
      : mean(Broadcast(means[c])),
        rstd(Broadcast(rstds[c])),
        gamma(Broadcast(in.gamma[c])),
        beta(Broadcast(in.beta[c])),
        pos(Broadcast(in.pos ? in.pos[c] : 1)),
        neg(Broadcast(in.neg ? in.neg[c] : 1)) {}

  Lanes Normalized(Lanes x) const { return (x - mean) * rstd; }
  Lanes Scaled(Lanes normalized) const { return normalized * gamma + beta; }
};

template <bool kShortcut, bool kMaxout>
void Apply(const MapShape& shape, const NormActInputs& in, const NormActOutputs& out) {
  ForEachMap<Direction::kBack>(shape, [&](int64_t, int64_t c, int64_t offset) {
    const Channel channel(in, out.mean, out.rstd, c);
    ForEachGroup(offset, offset + shape.pixels, [&](int64_t i, int64_t count) {
      Lanes v = channel.Scaled(channel.Normalized(LoadGroup(in.x + i, count)));
      if (kShortcut) v += LoadGroup(in.shortcut + i, count);
      if (kMaxout) v *= v >= 0 ? channel.pos : channel.neg;
      StoreGroup(out.y + i, v, count);
    });
  });
}

enum Kind { kDBeta, kDGamma, kDPos, kDNeg, kKinds };

// dL/dv into `dv`, and the sums behind the gradients of the parameters.
template <bool kShortcut, bool kMaxout>
void GradientOfSum(const MapShape& shape, const NormActInputs& in, const float* mean, const float* rstd,
                   const float* dy, float* dv, ChannelSums* sums) {
  ForEachMap(shape, [&](int64_t chunk, int64_t c, int64_t offset) {
    const Channel channel(in, mean, rstd, c);
    double* to = sums->At(chunk, c);
    for (int64_t begin = offset; begin < offset + shape.pixels; begin += kBlock) {
      Lanes total[kKinds] = {};
      ForEachGroup(begin, std::min(begin + kBlock, offset + shape.pixels), [&](int64_t i, int64_t count) {
        const Lanes normalized = channel.Normalized(LoadGroup(in.x + i, count));
        Lanes gradient = LoadGroup(dy + i, count);
        if (kMaxout) {
          Lanes v = channel.Scaled(normalized);
          if (kShortcut) v += LoadGroup(in.shortcut + i, count);
          const Lanes zero = {};
          const Lanes product = gradient * v;  // lanes behind the end have a gradient of 0
          total[kDPos] += v >= 0 ? product : zero;
          total[kDNeg] += v >= 0 ? zero : product;
          gradient *= v >= 0 ? channel.pos : channel.neg;
        }
        total[kDBeta] += gradient;
        total[kDGamma] += gradient * normalized;
        StoreGroup(dv + i, gradient, count);
      });
      for (int kind = 0; kind < kKinds; ++kind) to[kind] += Sum(total[kind]);
    }
  });
}

// dL/dx = gamma rstd (dv - M(dv) - normalized M(dv normalized)), M the mean of a channel; dv may be dx itself.
void GradientOfInput(const MapShape& shape, const NormActOptions& options, const NormActInputs& in, const float* mean,
                     const float* rstd, const float* dv, const ChannelSums& sums, float* dx) {
  const double count = static_cast<double>(shape.samples * shape.pixels);
  std::vector<float> offsets(shape.channels), slopes(shape.channels);
  if (options.training) {
    for (int64_t c = 0; c < shape.channels; ++c) {
      offsets[c] = static_cast<float>(sums.Total(c, kDBeta) / count);
      slopes[c] = static_cast<float>(sums.Total(c, kDGamma) / count);
    }
  }
  ForEachMap<Direction::kBack>(shape, [&](int64_t, int64_t c, int64_t offset) {
    const Channel channel(in, mean, rstd, c);
    const Lanes constant = Broadcast(offsets[c]), slope = Broadcast(slopes[c]);
    const Lanes scale = channel.gamma * channel.rstd;
    ForEachGroup(offset, offset + shape.pixels, [&](int64_t i, int64_t count) {
      const Lanes normalized = channel.Normalized(LoadGroup(in.x + i, count));
      StoreGroup(dx + i, scale * (LoadGroup(dv + i, count) - constant - normalized * slope), count);
    });
  });
}

}  // namespace

void NormActForward(const MapShape& shape, const NormActOptions& options, const NormActInputs& in,
                    const NormActOutputs& out) {
  (options.training ? BatchStatistics : MovingStatistics)(shape, options, in, out);
  const auto apply = options.shortcut ? (options.maxout ? Apply<true, true> : Apply<true, false>)
                                      : (options.maxout ? Apply<false, true> : Apply<false, false>);
  apply(shape, in, out);
}

void NormActBackward(const MapShape& shape, const NormActOptions& options, const NormActInputs& in, const float* mean,
                     const float* rstd, const float* dy, const NormActGradients& out) {
  ChannelSums sums(shape, kKinds);
  float* dv = options.shortcut ? out.shortcut : out.x;
  const auto gradient = options.shortcut ? (options.maxout ? GradientOfSum<true, true> : GradientOfSum<true, false>)
                                         : (options.maxout ? GradientOfSum<false, true> : GradientOfSum<false, false>);
  gradient(shape, in, mean, rstd, dy, dv, &sums);
  GradientOfInput(shape, options, in, mean, rstd, dv, sums, out.x);
  for (int64_t c = 0; c < shape.channels; ++c) {
    out.gamma[c] = static_cast<float>(sums.Total(c, kDGamma));
    out.beta[c] = static_cast<float>(sums.Total(c, kDBeta));
    if (!options.maxout) continue;
    out.pos[c] = static_cast<float>(sums.Total(c, kDPos));
    out.neg[c] = static_cast<float>(sums.Total(c, kDNeg));
  }
}

}  // namespace adabin_cpu
