# ssm_embed_text(FILE OUTPUT): makes OUTPUT, a C++ string literal that holds the
# text of FILE, for use with #include.
function(ssm_embed_text file output)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} text)
  set(literal "R\"ssm_text(${text})ssm_text\"\n")
  if(EXISTS ${output})
    file(READ ${output} old)
  endif()
  if(NOT "${old}" STREQUAL "${literal}")
    file(WRITE ${output} "${literal}")
  endif()
endfunction()
