#pragma once

#include "counted_area.h"
#include "curves.h"
#include "kernels/math.h"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

// What is made of a curve, point by point from the highest threshold to the lowest: `begin(positives, negatives)`, then
// `add(tp, fp, threshold)`, and at the end `result()`. Some want to know where a curve of all scores begins, at a
// threshold that nothing reaches (`begin_at_nothing`), and that one of given thresholds ends where all is let through
// (`of_whole_curve`). Where it is made in parts, `go_on_from` follows, and `whole` puts their `part`s together, in the
// order of points. What is looked for is the `Goal`.

namespace metrics::classification::curves {

struct NoGoal {};

inline double rounded(double number) {
  return number;
}

template <class Number>
struct ToThresholds {
  using Goal = NoGoal;
  using Made = CurveCounts;
  CurveCounts made;

  explicit ToThresholds(NoGoal) {}

  void begin(const Number& positives, const Number& negatives, std::size_t most) {
    made.positives = rounded(positives);
    made.negatives = rounded(negatives);
    made.tp.reserve(most);
    made.fp.reserve(most);
    made.thresholds.reserve(most);
  }
  template <class Threshold>
  void add(const Number& tp, const Number& fp, const Threshold& threshold) {
    made.tp.push_back(rounded(tp));
    made.fp.push_back(rounded(fp));
    made.thresholds.push_back(threshold());
  }
  CurveCounts result() { return std::move(made); }
};

template <class Number>
struct ToCounts {
  using Goal = NoGoal;
  using Made = CurveCounts;
  CurveCounts made;

  explicit ToCounts(NoGoal) {}

  void begin(const Number& positives, const Number& negatives, std::size_t) {
    made.positives = rounded(positives);
    made.negatives = rounded(negatives);
  }
  template <class Threshold>
  void add(const Number& tp, const Number& fp, const Threshold&) {
    made.tp.push_back(rounded(tp));
    made.fp.push_back(rounded(fp));
  }
  CurveCounts result() { return std::move(made); }
};

template <class Number>
struct ToRocArea {
  static constexpr bool of_whole_curve = true;
  using Goal = NoGoal;
  using Made = RocArea;
  using Part = CountedArea<Number>;
  CountedArea<Number> area;
  Number last_tp{}, last_fp{};

  explicit ToRocArea(NoGoal) {}

  /// Begins at a point, where those before are another's part.
  void go_on_from(const Number& tp, const Number& fp) {
    last_tp = tp;
    last_fp = fp;
  }
  Part part() const { return area; }
  static RocArea whole(NoGoal, std::span<const Part> parts) {
    if (parts.empty()) return {};
    CountedArea<Number> sum = parts.front();
    for (const Part& part : parts.subspan(1)) sum.twice = sum.twice + part.twice;
    return sum.result();
  }

  void begin(const Number& positives, const Number& negatives, std::size_t) {
    area.positives = positives;
    area.negatives = negatives;
  }
  template <class Threshold>
  void add(const Number& tp, const Number& fp, const Threshold&) {
    area.add(last_tp, last_fp, tp, fp);
    last_tp = tp;
    last_fp = fp;
  }
  RocArea result() const { return area.result(); }
};

template <class Number>
struct ToPrecisionSum {
  static constexpr bool of_whole_curve = true;
  using Goal = NoGoal;
  using Made = PrecisionSum;
  using Part = PrecisionSum;
  PrecisionSum made;
  Number last_tp{};

  explicit ToPrecisionSum(NoGoal) {}

  void go_on_from(const Number& tp, const Number&) { last_tp = tp; }
  Part part() const { return made; }
  static PrecisionSum whole(NoGoal, std::span<const Part> parts) {
    PrecisionSum sum;
    for (const Part& part : parts) {
      sum.positives = part.positives;
      sum.sum += part.sum;
    }
    return sum;
  }

  void begin(const Number& positives, const Number&, std::size_t) { made.positives = rounded(positives); }
  template <class Threshold>
  void add(const Number& tp, const Number& fp, const Threshold&) {
    if (equal(tp, last_tp)) return;
    made.sum += rounded(minus(tp, last_tp)) * (rounded(tp) / rounded(tp + fp));
    last_tp = tp;
  }
  PrecisionSum result() const { return made; }
};

/// The area up to a false positive rate, of which it is a sum over steps that end there and a piece of the next one.
template <class Number>
struct ToPartialArea {
  static constexpr bool of_whole_curve = true;
  using Goal = double;  // the rate
  using Made = PartialArea;
  struct Part {
    CountedArea<Number> steps;
    double piece;
  };

  explicit ToPartialArea(double greatest_rate) : greatest_(greatest_rate) {}

  void begin(const Number& positives, const Number& negatives, std::size_t) {
    steps_.positives = positives;
    steps_.negatives = negatives;
    done_ = rounded(positives) == 0 || rounded(negatives) == 0;
  }
  void go_on_from(const Number& tp, const Number& fp) {
    last_tp_ = tp;
    last_fp_ = fp;
    done_ |= fpr(fp) >= greatest_;
  }
  template <class Threshold>
  void add(const Number& tp, const Number& fp, const Threshold&) {
    if (done_) return;
    if (fpr(fp) > greatest_) {
      const double begin = fpr(last_fp_), low = tpr(last_tp_);
      const double high = low + (tpr(tp) - low) * (greatest_ - begin) / (fpr(fp) - begin);
      piece_ = (greatest_ - begin) * (low + high) / 2;
      done_ = true;
      return;
    }
    steps_.add(last_tp_, last_fp_, tp, fp);
    last_tp_ = tp;
    last_fp_ = fp;
    done_ = fpr(fp) == greatest_;
  }
  Part part() const { return {steps_, piece_}; }
  PartialArea result() const { return whole(greatest_, std::array{part()}); }
  static PartialArea whole(double, std::span<const Part> parts) {
    if (parts.empty()) return {};
    CountedArea<Number> steps = parts.front().steps;
    double piece = parts.front().piece;
    for (const Part& part : parts.subspan(1)) {
      steps.twice = steps.twice + part.steps.twice;
      piece += part.piece;
    }
    const RocArea all = steps.result();
    if (all.positives == 0 || all.negatives == 0) return {all.positives, all.negatives, 0};
    return {all.positives, all.negatives, all.area / all.positives / all.negatives + piece};
  }

 private:
  double fpr(const Number& fp) const { return rounded(fp) / rounded(steps_.negatives); }
  double tpr(const Number& tp) const { return rounded(tp) / rounded(steps_.positives); }

  double greatest_;
  CountedArea<Number> steps_;
  double piece_ = 0;
  Number last_tp_{}, last_fp_{};
  bool done_ = true;
};

/// The mean of both error rates at the point where they are closest, the first of several.
struct ClosestErrors {
  double positives, negatives, gap, rate;
};
template <class Number>
struct ToEqualErrors {
  using Goal = NoGoal;
  using Made = EqualErrors;
  using Part = ClosestErrors;

  explicit ToEqualErrors(NoGoal) {}

  void begin(const Number& positives, const Number& negatives, std::size_t) {
    part_.positives = rounded(positives);
    part_.negatives = rounded(negatives);
  }
  void begin_at_nothing() {
    add(Number{}, Number{}, [] { return 1.0; });
  }
  void go_on_from(const Number&, const Number&) {}
  template <class Threshold>
  void add(const Number& tp, const Number& fp, const Threshold&) {
    const double positives = part_.positives == 0 ? 1 : part_.positives;
    const double negatives = part_.negatives == 0 ? 1 : part_.negatives;
    const double held_back = positives - rounded(tp), let_through = rounded(fp);
    // Multiplied out: rates that are equally far apart stay so.
    const double gap = std::abs(let_through * positives - held_back * negatives);
    if (!(gap < part_.gap)) return;
    part_.gap = gap;
    part_.rate = (let_through / negatives + held_back / positives) / 2;
  }
  Part part() const { return part_; }
  EqualErrors result() const { return {part_.positives, part_.negatives, part_.rate}; }
  static EqualErrors whole(NoGoal goal, std::span<const Part> parts) {
    ToEqualErrors closest(goal);
    for (const Part& part : parts) {
      closest.part_.positives = part.positives;
      closest.part_.negatives = part.negatives;
      if (part.gap < closest.part_.gap) closest.part_ = part;
    }
    return closest.result();
  }

 private:
  Part part_{0, 0, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()};
};

/// The area over the logarithm of the false positive rate, between two of these: of the curve that runs straight from
/// point to point, from (0, 0) to (1, 1).
template <class Number>
struct ToLogArea {
  static constexpr bool of_whole_curve = true;
  using Goal = std::array<double, 2>;
  using Made = RocArea;
  using Part = RocArea;

  explicit ToLogArea(const Goal& range) : range_(range) {}

  void begin(const Number& positives, const Number& negatives, std::size_t) {
    made_.positives = rounded(positives);
    made_.negatives = rounded(negatives);
  }
  void go_on_from(const Number& tp, const Number& fp) { last_ = point(tp, fp); }
  template <class Threshold>
  void add(const Number& tp, const Number& fp, const Threshold&) {
    const Point next = point(tp, fp);
    const auto [lower, upper] = range_;
    if (lower > 0 && next.fpr > last_.fpr && next.fpr > lower && last_.fpr < upper) {
      const Point begin = last_.fpr < lower ? between(lower, next) : last_;
      const Point end = next.fpr > upper ? between(upper, next) : next;
      made_.area += metrics::kernels::logarithm(end.fpr / begin.fpr) * (end.tpr + begin.tpr) / 2;
    }
    last_ = next;
  }
  Part part() const { return made_; }
  RocArea result() const { return made_; }
  static RocArea whole(const Goal&, std::span<const Part> parts) {
    RocArea sum;
    for (const Part& part : parts) {
      sum.positives = part.positives;
      sum.negatives = part.negatives;
      sum.area += part.area;
    }
    return sum;
  }

 private:
  struct Point {
    double fpr, tpr;
  };
  Point point(const Number& tp, const Number& fp) const {
    return {made_.negatives == 0 ? 0 : rounded(fp) / made_.negatives,
            made_.positives == 0 ? 0 : rounded(tp) / made_.positives};
  }
  /// The point at a rate on the way from the last one to the next.
  Point between(double fpr, const Point& next) const {
    return {fpr, last_.tpr + (next.tpr - last_.tpr) / (next.fpr - last_.fpr) * (fpr - last_.fpr)};
  }

  Goal range_;
  RocArea made_;
  Point last_{0, 0};
};

/// The point where one rate is greatest of those where another is at least a minimum. A rate that is not defined meets
/// no minimum, and is no value. On ROC curves the first of equal ones is taken; on precision-recall curves the one
/// where the other rate is greater, then the threshold.
template <class Number>
struct ToGreatest {
  using Goal = GreatestRate;
  using Made = ChosenPoint;
  using Part = ChosenPoint;

  explicit ToGreatest(const Goal& goal) : goal_(goal) {}

  void begin(const Number& positives, const Number& negatives, std::size_t) {
    made_.positives = rounded(positives);
    made_.negatives = rounded(negatives);
  }
  void begin_at_nothing() {
    if (goal_.on_roc()) add(Number{}, Number{}, [] { return 1.0; });
  }
  void go_on_from(const Number&, const Number&) {}
  template <class Count, class Threshold>
  void add(const Count& tp, const Count& fp, const Threshold& threshold) {
    ChosenPoint point = made_;
    point.value = rate(goal_.wanted, rounded(tp), rounded(fp));
    point.held = rate(goal_.held, rounded(tp), rounded(fp));
    if (!(point.held >= goal_.minimum) || std::isnan(point.value)) return;
    // A threshold takes its time, and most are not needed.
    if (made_.found && point.value < made_.value) return;
    point.threshold = threshold();
    point.found = true;
    take(point);
  }
  Part part() const { return made_; }
  ChosenPoint result() const { return made_; }
  static ChosenPoint whole(const Goal& goal, std::span<const Part> parts) {
    ToGreatest best(goal);
    for (const Part& part : parts) {
      best.made_.positives = part.positives;
      best.made_.negatives = part.negatives;
      if (part.found) best.take(part);
    }
    return best.result();
  }

 private:
  double rate(Rate which, double tp, double fp) const {
    switch (which) {
      case Rate::Precision:
        return tp + fp == 0 ? std::numeric_limits<double>::quiet_NaN() : tp / (tp + fp);
      case Rate::Recall:
        return made_.positives == 0 ? goal_.recall_of_none : tp / made_.positives;
      case Rate::Sensitivity:
        return made_.positives == 0 ? 0 : tp / made_.positives;
      // Counted, because 1 minus a rounded rate may miss a minimum that it meets.
      case Rate::Specificity:
        return made_.negatives == 0 ? 1 : (made_.negatives - fp) / made_.negatives;
    }
    return 0;
  }
  void take(const ChosenPoint& point) {
    const auto in_order = [](const ChosenPoint& p) { return std::tie(p.value, p.held, p.threshold); };
    const bool better = goal_.on_roc() ? point.value > made_.value : in_order(point) > in_order(made_);
    if (!made_.found || better) made_ = point;
  }

  Goal goal_;
  ChosenPoint made_;
};

template <template <class> class To>
using Made = typename To<int64_t>::Made;

template <template <class> class To>
constexpr bool is_roc_area = std::is_same_v<To<int64_t>, ToRocArea<int64_t>>;

/// Whether parts of it are areas in counts.
template <template <class> class To>
constexpr bool has_counted_area = is_roc_area<To> || std::is_same_v<Made<To>, PartialArea>;

template <template <class> class To>
using Goal = typename To<int64_t>::Goal;

/// Whether it matters how scores are read: for the order of yes-or-no questions it does not.
template <template <class> class To>
constexpr bool needs_reading =
    std::is_same_v<To<int64_t>, ToThresholds<int64_t>> || std::is_same_v<To<int64_t>, ToGreatest<int64_t>>;

}  // namespace metrics::classification::curves
