# Turn a text file into a C file that holds it, one string literal per line:
#
#   cmake -DINPUT=text -DOUTPUT=text.c -DNAME=lj_text -DHEADER=text.h \
#         -P embed_text.cmake
#
# defines `const char NAME_text[]`, terminated, and `const size_t NAME_length` as HEADER
# declares them. `?` is escaped so that no trigraph can arise.

file(READ "${INPUT}" text)
string(REPLACE "\\" "\\\\" text "${text}")
string(REPLACE "\"" "\\\"" text "${text}")
string(REPLACE "?" "\\?" text "${text}")
string(REPLACE "\t" "\\t" text "${text}")
string(REPLACE "\r" "\\r" text "${text}")
string(REPLACE "\n" "\\n\"\n  \"" text "${text}")

get_filename_component(input_name "${INPUT}" NAME)
file(WRITE "${OUTPUT}"
"/* Made from ${input_name} by cmake/embed_text.cmake. */
#include \"${HEADER}\"

const char ${NAME}_text[] =
  \"${text}\";

const size_t ${NAME}_length = sizeof ${NAME}_text - 1;
")
