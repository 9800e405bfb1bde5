// SPDX-License-Identifier: Apache-2.0
//
// The CPU operators of convolutions against slow obvious loops in double precision, over random shapes.
//
// Compiled and run by tests/test_cpu_kernels.py.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "buffer.h"
#include "conv_shape.h"
#include "parallel.h"

#define DECLARE_OPERATOR(name) extern "C" int name(int, void**, int*, int64_t**, const char**, void*, void*)
DECLARE_OPERATOR(AdaBinConvForward);
DECLARE_OPERATOR(AdaBinConvBackward);
DECLARE_OPERATOR(FloatConvForward);
DECLARE_OPERATOR(FloatConvBackward);
DECLARE_OPERATOR(FloatConvWeightGrad);
DECLARE_OPERATOR(FloatConvBiasGrad);

namespace {

using adabin_cpu::ConvShape;
using adabin_cpu::kGeometrySize;
using Floats = std::vector<float>;
using Doubles = std::vector<double>;
using Operator = int (*)(int, void**, int*, int64_t**, const char**, void*, void*);

int failures = 0;

void Expect(bool condition, const std::string& what) {
  if (condition) return;
  std::printf("FAILED: %s\n", what.c_str());
  ++failures;
}

struct Argument {
  void* data;
  std::vector<int64_t> shape;
  const char* dtype;
};

Argument Tensor(const Floats& values, std::vector<int64_t> shape) {
  return {const_cast<float*>(values.data()), std::move(shape), "float32"};
}

int Call(Operator op, std::vector<Argument> arguments) {
  std::vector<void*> params;
  std::vector<int> ranks;
  std::vector<int64_t*> shapes;
  std::vector<const char*> dtypes;
  for (Argument& a : arguments) {
    params.push_back(a.data), ranks.push_back(static_cast<int>(a.shape.size()));
    shapes.push_back(a.shape.data()), dtypes.push_back(a.dtype);
  }
  return op(static_cast<int>(arguments.size()), params.data(), ranks.data(), shapes.data(), dtypes.data(), nullptr,
            nullptr);
}

struct Case {
  ConvShape s;
  int32_t geometry[kGeometrySize];
  float alpha, beta, k, t;
  Floats x, w, dy;

  std::vector<int64_t> in() const { return {s.n, s.c, s.h, s.w}; }
  std::vector<int64_t> weights() const { return {s.o, s.c, s.kh, s.kw}; }
  std::vector<int64_t> out() const { return {s.n, s.o, s.oh, s.ow}; }
  std::string Name() const {
    std::string name = "x " + std::to_string(s.n) + "," + std::to_string(s.c) + "," + std::to_string(s.h) + "," +
                       std::to_string(s.w) + " w " + std::to_string(s.o) + "," + std::to_string(s.kh) + "," +
                       std::to_string(s.kw) + " geometry";
    for (const int32_t g : geometry) name += " " + std::to_string(g);
    return name + " alpha " + std::to_string(alpha) + " beta " + std::to_string(beta);
  }
};

Floats Random(int64_t count, float scale, float center, std::mt19937* random) {
  std::normal_distribution<float> normal(center, scale);
  Floats values(count);
  for (float& v : values) v = normal(*random);
  return values;
}

Case MakeCase(ConvShape s, int pad_bottom, int pad_right, std::mt19937* random) {
  auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(*random); };
  s.oh = (s.h + s.pad_top + pad_bottom - s.span_h()) / s.stride_h + 1;
  s.ow = (s.w + s.pad_left + pad_right - s.span_w()) / s.stride_w + 1;
  Case c{s, {}, 0, 0, 1.5f, 2.0f, {}, {}, {}};
  const int64_t geometry[] = {s.stride_h,   s.stride_w, s.pad_top,  pad_bottom, s.pad_left, pad_right, s.dilation_h,
                              s.dilation_w, pick(0, 1), pick(0, 2), pick(0, 2), pick(0, 3), pick(0, 3)};
  for (int i = 0; i < kGeometrySize; ++i) c.geometry[i] = static_cast<int32_t>(geometry[i]);
  const float alphas[] = {0.7f, 0.7f, 1.3f, -0.4f, 0.0f};
  c.alpha = alphas[pick(0, 4)], c.beta = pick(0, 1) != 0 ? 0.25f : -0.1f;
  c.x = Random(s.n * s.c * s.h * s.w, 1.0f, 0.1f, random);
  for (size_t i = 0; i < c.x.size(); i += 7) c.x[i] = c.beta;  // on the threshold
  c.w = Random(s.o * s.c * s.kh * s.kw, 0.1f, 0.02f, random);
  c.dy = Random(s.n * s.o * s.oh * s.ow, 1.0f, 0.1f, random);
  return c;
}

// ---- the reference: src/adabin/binarize.py and the definition of a convolution, loop by loop ----

double Estimate(int code, double u, double k, double t) {
  if (code == 0) return k * t * (1 - std::pow(std::tanh(t * u), 2));
  if (code == 1) return std::max(0.0, 2 - 2 * std::fabs(u));
  if (code == 2) return 1;
  return std::fabs(u) <= 1 ? 1 : 0;
}

bool Plus(const Case& c, float x) { return c.alpha >= 0 ? x >= c.beta : x <= c.beta; }

Doubles BinaryActivations(const Case& c) {
  Doubles a;
  for (const float x : c.x) {
    const double s = Plus(c, x) ? 1 : -1;
    a.push_back(c.geometry[8] != 0 ? c.alpha * (s + c.beta) : c.alpha * s + c.beta);
  }
  return a;
}

struct Filter {
  double center, distance;
};

Filter Statistics(const Case& c, int64_t o) {
  const int64_t count = c.s.filter();
  const float* w = c.w.data() + o * count;
  if (c.geometry[10] == 2) return {0, 1};
  double sum = 0, magnitude = 0, squares = 0;
  for (int64_t i = 0; i < count; ++i) sum += w[i], magnitude += std::fabs(w[i]);
  if (c.geometry[10] == 1) return {0, magnitude / count};
  for (int64_t i = 0; i < count; ++i) squares += std::pow(w[i] - sum / count, 2);
  return {static_cast<double>(static_cast<float>(sum / count)), std::sqrt(squares / count)};
}

Doubles BinaryWeights(const Case& c) {
  Doubles b;
  for (int64_t o = 0; o < c.s.o; ++o) {
    const Filter f = Statistics(c, o);
    for (int64_t i = 0; i < c.s.filter(); ++i) {
      b.push_back(c.w[o * c.s.filter() + i] >= f.center ? f.center + f.distance : f.center - f.distance);
    }
  }
  return b;
}

/// Calls visit(index of y, index of x, index of w) for every product of the convolution.
template <typename Visit>
void ForProducts(const ConvShape& s, const Visit& visit) {
  for (int64_t n = 0; n < s.n; ++n)
    for (int64_t o = 0; o < s.o; ++o)
      for (int64_t y = 0; y < s.oh; ++y)
        for (int64_t x = 0; x < s.ow; ++x)
          for (int64_t ky = 0; ky < s.kh; ++ky)
            for (int64_t kx = 0; kx < s.kw; ++kx) {
              const int64_t row = y * s.stride_h + ky * s.dilation_h - s.pad_top;
              const int64_t column = x * s.stride_w + kx * s.dilation_w - s.pad_left;
              if (row < 0 || row >= s.h || column < 0 || column >= s.w) continue;
              for (int64_t c = 0; c < s.c; ++c) {
                visit(((n * s.o + o) * s.oh + y) * s.ow + x, ((n * s.c + c) * s.h + row) * s.w + column,
                      ((o * s.c + c) * s.kh + ky) * s.kw + kx);
              }
            }
}

struct Reference {
  Doubles y, dx, dw;
  double dalpha = 0, dbeta = 0;
  double alpha_scale = 0;  // sum of the terms' sizes
};

Reference Convolve(const Case& c, const Doubles& a, const Doubles& b) {
  Reference r{Doubles(c.dy.size()), Doubles(c.x.size()), Doubles(c.w.size())};
  ForProducts(c.s, [&](int64_t y, int64_t x, int64_t w) {
    r.y[y] += a[x] * b[w];
    r.dx[x] += c.dy[y] * b[w];
    r.dw[w] += c.dy[y] * a[x];
  });
  return r;
}

Reference ConvolveBinary(const Case& c) {
  Reference r = Convolve(c, BinaryActivations(c), BinaryWeights(c));
  const bool released = c.geometry[8] != 0;
  for (size_t i = 0; i < c.x.size(); ++i) {
    const double u = c.alpha == 0 ? 0 : (static_cast<double>(c.x[i]) - c.beta) / c.alpha, g = r.dx[i];
    const double slope = c.alpha == 0 ? 0 : Estimate(c.geometry[11], u, c.k, c.t), s = Plus(c, c.x[i]) ? 1 : -1;
    r.dx[i] = g * slope;
    r.dalpha += g * (s + (released ? c.beta : 0) - u * slope);
    r.dbeta += g * ((released ? c.alpha : 1) - slope);
    r.alpha_scale += std::fabs(g) * (1 + std::fabs(u * slope) + slope);
  }
  const int64_t count = c.s.filter();
  for (int64_t o = 0; o < c.s.o; ++o) {
    const Filter f = Statistics(c, o);
    double *g = r.dw.data() + o * count, e = 0, ev = 0, gs = 0, sum = 0;
    std::vector<double> v(count), slope(count), s(count);
    for (int64_t i = 0; i < count; ++i) {
      v[i] = f.distance == 0 ? 0 : (c.w[o * count + i] - f.center) / f.distance;
      s[i] = c.w[o * count + i] >= f.center ? 1 : -1;
      slope[i] = Estimate(c.geometry[12], v[i], c.k, c.t) * g[i];
      e += slope[i] / count, ev += slope[i] * v[i] / count, gs += g[i] * s[i] / count, sum += g[i] / count;
    }
    for (int64_t i = 0; i < count; ++i) {
      g[i] = slope[i];
      if (c.geometry[10] == 0) g[i] += -e - v[i] * ev + v[i] * gs + sum;
      if (c.geometry[10] == 1) g[i] += s[i] * (gs - ev);
    }
  }
  return r;
}

// ---- comparisons ----

void ExpectNear(const Floats& ours, const Doubles& reference, const std::string& what) {
  double largest = 1e-30, error = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    largest = std::max(largest, std::fabs(reference[i]));
    const double difference = std::fabs(ours[i] - reference[i]);
    error = std::isnan(difference) ? std::numeric_limits<double>::infinity() : std::max(error, difference);
  }
  Expect(error <= 1e-5 * largest, what + ": error " + std::to_string(error / largest) + " of the largest value");
}

/// The tensors an operator wrote; poisoned before, so that a value it forgot is seen.
struct Outputs {
  Floats y, dx, dw, dalpha = {NAN}, dbeta = {NAN};
  explicit Outputs(const Case& c) : y(c.dy.size(), NAN), dx(c.x.size(), NAN), dw(c.w.size(), NAN) {}
  bool SameBits(const Outputs& other) const {
    const auto same = [](const Floats& a, const Floats& b) {
      return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
    };
    return same(y, other.y) && same(dx, other.dx) && same(dw, other.dw) && same(dalpha, other.dalpha) &&
           same(dbeta, other.dbeta);
  }
};

Outputs RunBinary(const Case& c) {
  Outputs out(c);
  const Floats alpha = {c.alpha}, beta = {c.beta}, k = {c.k}, t = {c.t};
  const Argument geometry{const_cast<int32_t*>(c.geometry), {kGeometrySize}, "int32"};
  int result = Call(AdaBinConvForward, {Tensor(c.x, c.in()), Tensor(c.w, c.weights()), Tensor(alpha, {}),
                                        Tensor(beta, {}), geometry, Tensor(out.y, c.out())});
  Expect(result == 0, c.Name() + ": AdaBinConvForward returns 0");
  result =
      Call(AdaBinConvBackward, {Tensor(c.dy, c.out()), Tensor(c.x, c.in()), Tensor(c.w, c.weights()), Tensor(alpha, {}),
                                Tensor(beta, {}), Tensor(k, {}), Tensor(t, {}), geometry, Tensor(out.dx, c.in()),
                                Tensor(out.dw, c.weights()), Tensor(out.dalpha, {}), Tensor(out.dbeta, {})});
  Expect(result == 0, c.Name() + ": AdaBinConvBackward returns 0");
  return out;
}

Outputs RunFloat(const Case& c) {
  Outputs out(c);
  const Argument geometry{const_cast<int32_t*>(c.geometry), {kGeometrySize}, "int32"};
  const Argument x = Tensor(c.x, c.in()), w = Tensor(c.w, c.weights()), dy = Tensor(c.dy, c.out());
  Expect(Call(FloatConvForward, {x, w, geometry, Tensor(out.y, c.out())}) == 0, c.Name() + ": FloatConvForward");
  Expect(Call(FloatConvBackward, {dy, x, w, geometry, Tensor(out.dx, c.in()), Tensor(out.dw, c.weights())}) == 0,
         c.Name() + ": FloatConvBackward");
  Outputs alone(c);
  Expect(Call(FloatConvWeightGrad, {dy, x, w, geometry, Tensor(alone.dw, c.weights())}) == 0,
         c.Name() + ": FloatConvWeightGrad");
  Expect(std::memcmp(alone.dw.data(), out.dw.data(), out.dw.size() * sizeof(float)) == 0,
         c.Name() + ": both weight gradients are the same");
  Floats bias(c.s.o), with_bias(c.dy.size(), NAN), dbias(c.s.o, NAN);
  for (int64_t o = 0; o < c.s.o; ++o) bias[o] = 0.3f * static_cast<float>(o) - 1;
  Expect(Call(FloatConvForward, {x, w, geometry, Tensor(bias, {c.s.o}), Tensor(with_bias, c.out())}) == 0,
         c.Name() + ": FloatConvForward with bias");
  Expect(Call(FloatConvBiasGrad, {dy, Tensor(dbias, {c.s.o})}) == 0, c.Name() + ": FloatConvBiasGrad");
  Doubles expected(out.y.begin(), out.y.end()), sums(c.s.o);
  for (size_t i = 0; i < expected.size(); ++i) {
    const size_t o = i / c.s.out_pixels() % c.s.o;
    expected[i] += bias[o], sums[o] += c.dy[i];
  }
  ExpectNear(with_bias, expected, "y with bias of " + c.Name());
  ExpectNear(dbias, sums, "bias gradient of " + c.Name());
  return out;
}

void OperatorsEqualTheReference(const Case& c) {
  adabin_cpu::SetNumThreads(2);
  const Outputs binary = RunBinary(c);
  const Reference expected = ConvolveBinary(c);
  ExpectNear(binary.y, expected.y, "binary y of " + c.Name());
  ExpectNear(binary.dx, expected.dx, "binary dx of " + c.Name());
  ExpectNear(binary.dw, expected.dw, "binary dw of " + c.Name());
  Expect(std::fabs(binary.dalpha[0] - expected.dalpha) <= 1e-6 * expected.alpha_scale, "dalpha of " + c.Name());
  Expect(std::fabs(binary.dbeta[0] - expected.dbeta) <= 1e-6 * expected.alpha_scale, "dbeta of " + c.Name());

  const Outputs plain = RunFloat(c);
  const Reference product = Convolve(c, Doubles(c.x.begin(), c.x.end()), Doubles(c.w.begin(), c.w.end()));
  ExpectNear(plain.y, product.y, "y of " + c.Name());
  ExpectNear(plain.dx, product.dx, "dx of " + c.Name());
  ExpectNear(plain.dw, product.dw, "dw of " + c.Name());

  for (const int threads : {1, 3}) {
    adabin_cpu::SetNumThreads(threads);
    Expect(RunBinary(c).SameBits(binary) && RunFloat(c).SameBits(plain),
           c.Name() + ": the same bits with " + std::to_string(threads) + " threads as with 2");
  }
}

/// With fixed sets y is a whole number, and no rounding may show.
void CountsAreExact(Case c) {
  c.geometry[8] = 0, c.geometry[10] = 2;
  c.alpha = 1, c.beta = 0;
  const Reference expected = Convolve(c, BinaryActivations(c), BinaryWeights(c));
  const Outputs ours = RunBinary(c);
  for (size_t i = 0; i < ours.y.size(); ++i) {
    if (ours.y[i] == expected.y[i]) continue;
    Expect(false, "exact counts of " + c.Name());
    return;
  }
}

void WrongArgumentsAreRefused(const Case& c) {
  Outputs out(c);
  const Argument x = Tensor(c.x, c.in()), w = Tensor(c.w, c.weights()), y = Tensor(out.y, c.out());
  Argument geometry{const_cast<int32_t*>(c.geometry), {kGeometrySize}, "int32"};
  Expect(Call(FloatConvForward, {x, w, geometry}) == 1, "a missing argument is refused");
  Argument wrong = x;
  wrong.dtype = "float16";
  Expect(Call(FloatConvForward, {wrong, w, geometry, y}) == 2, "a wrong type is refused");
  wrong = y;
  wrong.shape[1] += 1;
  Expect(Call(FloatConvForward, {x, w, geometry, wrong}) == 3, "a wrong shape is refused");
  int32_t zeros[kGeometrySize] = {};
  geometry.data = zeros;
  Expect(Call(FloatConvForward, {x, w, geometry, y}) == 4, "stride 0 is refused");
}

void MemoryIsKeptWithinWhatWasInUse() {
  size_t most = 0;
  for (size_t bytes = 4096; bytes < (size_t{64} << 20); bytes *= 5) {  // none of these serves for the next one
    adabin_cpu::Buffer buffer(bytes);
    most = bytes;
  }
  Expect(adabin_cpu::KeptBytes() <= most + 4096, "no more memory is kept than was in use at one time");
  adabin_cpu::Buffer again(most);
  Expect(adabin_cpu::KeptBytes() < 4096, "what is kept serves the next one of its size");
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 60;
  MemoryIsKeptWithinWhatWasInUse();
  std::mt19937 random(1);
  auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  // n, c, h, w, o, kh, kw, stride_h, stride_w, pad_top, pad_left: the networks' kinds of layers, batches cut into
  // blocks and bands, and several chunks.
  const ConvShape typical[] = {
      {5, 16, 32, 32, 16, 3, 3, 1, 1, 1, 1, 0, 0},      {3, 16, 32, 32, 32, 3, 3, 2, 2, 1, 1, 0, 0},
      {9, 64, 8, 8, 64, 3, 3, 1, 1, 1, 1, 0, 0},        {40, 32, 4, 4, 48, 3, 3, 1, 1, 1, 1, 0, 0},
      {18, 256, 4, 4, 128, 3, 3, 1, 1, 1, 1, 0, 0},     {2, 3, 20, 20, 16, 7, 7, 2, 2, 3, 3, 0, 0},
      {2, 64, 40, 56, 32, 3, 3, 1, 1, 1, 1, 0, 0},      {3, 64, 14, 14, 40, 1, 1, 2, 2, 0, 0, 0, 0},
      {20, 128, 7, 7, 16, 3, 3, 1, 1, 1, 1, 0, 0},      {16, 512, 2, 2, 512, 1, 1, 1, 1, 0, 0, 0, 0},
      {3, 64, 19, 19, 40, 3, 3, 1, 1, 6, 6, 0, 0, 6, 6}};
  for (const ConvShape& s : typical) {
    const Case c = MakeCase(s, static_cast<int>(s.pad_top), static_cast<int>(s.pad_left), &random);
    OperatorsEqualTheReference(c);
    CountsAreExact(c);
  }
  for (int round = 0; round < rounds; ++round) {
    const int kh = pick(1, 5), kw = pick(1, 5), pad_top = pick(0, 3), pad_left = pick(0, 3);
    // In every other round.
    const int dilation_h = round % 2 != 0 ? pick(1, 4) : 1, dilation_w = round % 2 != 0 ? pick(1, 4) : 1;
    const ConvShape s{pick(1, 19),
                      pick(1, 40),
                      std::max((kh - 1) * dilation_h + 1, pick(1, 20)),
                      std::max((kw - 1) * dilation_w + 1, pick(1, 40)),
                      pick(1, 20),
                      kh,
                      kw,
                      pick(1, 3),
                      pick(1, 3),
                      pad_top,
                      pad_left,
                      0,
                      0,
                      dilation_h,
                      dilation_w};
    const Case c = MakeCase(s, pick(0, 3), pick(0, 3), &random);
    OperatorsEqualTheReference(c);
    if (round < 10) CountsAreExact(c);
    if (round == 0) WrongArgumentsAreRefused(c);
  }
  std::printf(failures == 0 ? "all passed\n" : "%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
