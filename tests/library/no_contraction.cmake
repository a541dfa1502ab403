# The same bits on any machine: fails where the built library holds an instruction that multiplies and adds with one rounding. The compiler would put it into
# the versions of a kernel for machines that have it, and into no other.
execute_process(
  COMMAND ${OBJDUMP} --disassemble --demangle --no-show-raw-insn ${LIBRARY}
  COMMAND awk "/>:$/ {name = $0} /[ \t]v?fn?m(add|sub)/ {++found; print name} END {print \"instructions read: \" NR \", fused: \" found + 0}"
  OUTPUT_VARIABLE found COMMAND_ERROR_IS_FATAL ANY
)
if(NOT found MATCHES "instructions read: [0-9][0-9][0-9][0-9][0-9]+, fused: 0\n")
  message(FATAL_ERROR "${LIBRARY} multiplies and adds with one rounding:\n${found}")
endif()
