package cqrstest
