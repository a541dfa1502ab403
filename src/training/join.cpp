#include "core/first_line.h"
#include "join_scope.h"
#include "joined_metric.h"
#include <metrics/core/errors.h>
#include <metrics/training/join.h>

#include <exception>
#include <utility>

namespace metrics::training {

Joinable::Joinable() = default;

Joinable::~Joinable() = default;

void Joinable::begin_step() {
  if (scope_) scope_->begin_step(*this);
}

bool Joinable::step_averages() const {
  return scope_ == nullptr || scope_->averages_in_step(*this);
}

JoinStep Joinable::step() {
  if (!scope_) throw Error(join_name() + ": step() outside a join");
  return scope_->step_of(*this);
}

int64_t Joinable::samples() const {
  if (!scope_) throw Error(join_name() + ": samples() outside a join");
  return scope_->samples();
}

const JoinOptions& Joinable::join_options() const {
  if (!scope_) throw Error(join_name() + ": join_options() outside a join");
  return scope_->options();
}

std::exception_ptr Joinable::explained(std::exception_ptr error) const {
  return scope_ ? scope_->explained(std::move(error)) : error;
}

JoinableRef::JoinableRef(Metric& metric) : joinable_(std::make_shared<JoinedMetric>(metric)) {}

Join::Join(std::vector<JoinableRef> joinables, JoinOptions options)
    : scope_(std::make_unique<JoinScope>(std::move(joinables), std::move(options))),
      exceptions_(std::uncaught_exceptions()) {}

Join::~Join() noexcept(false) {
  if (std::uncaught_exceptions() > exceptions_) {
    scope_->fail("its loop was left by an exception");
    return;
  }
  scope_->finish();
}

void Join::set_samples(int64_t count) {
  scope_->set_samples(count);
}

bool Join::averages() const {
  return scope_->averages();
}

int64_t Join::steps() const {
  return scope_->steps();
}

void Join::finish() {
  scope_->finish();
}

void Join::fail(const std::string& reason) noexcept {
  scope_->fail(reason);
}

void Join::fail(const std::exception& error) noexcept {
  try {
    scope_->fail(metrics::detail::first_line(error));
  } catch (...) {
    scope_->fail({});
  }
}

CommunicationCounters Join::counters() const {
  return scope_->counters();
}

}  // namespace metrics::training
